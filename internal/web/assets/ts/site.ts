// Every public page: the way out, what is there without a network, and the word that the site can stand on the device.
import "./app-banner";
import "./forget-post";
import { watch } from "./offline";
import "./quick-exit";

watch();
