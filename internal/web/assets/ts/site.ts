// Every public page: the way out, and nothing else.
import "./quick-exit";
