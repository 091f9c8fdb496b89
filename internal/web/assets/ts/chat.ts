// The visitor's chat.
import "./quick-exit";
import "./live-stream";
import "./chat-log";
import "./chat-composer";
import "./seen-marker";
import "./copy-text";
import "./quick";
import "./file-sender";
import "./work-proof";

// The conversation is over, or its past is shown again: the page is drawn anew from the record.
document.addEventListener("vigie:over", () => location.replace(location.href));
// Her session is over: the page shows what is true now.
document.addEventListener("vigie:ended", () => location.replace(location.href));
