// The page about the app: its button, and the shelf.
import "./app-install";
import "./app-shelf";
