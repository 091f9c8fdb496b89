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

// The conversation or her session is over, or its past is shown again: the page is drawn anew from the
// record. It is told so too when she leaves quickly, and then must not come back before the neutral site.
for (const event of ["vigie:over", "vigie:ended"]) {
  document.addEventListener(event, () => {
    if (!document.documentElement.classList.contains("leaving")) location.replace(location.href);
  });
}
