// The page for schools: texts to copy.
import "./copy-text";
