// The visitor's chat.
import "./quick-exit";
import "./live-stream";
import "./chat-log";
import "./chat-composer";
import "./seen-marker";
import "./copy-text";
