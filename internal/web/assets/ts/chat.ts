// The visitor's chat.
import "./quick-exit";
import "./forget-post";
import "./live-stream";
import "./chat-log";
import "./chat-composer";
import "./seen-marker";
import "./copy-text";
import "./quick";
import "./earlier";
import "./file-sender";
import "./work-proof";

/** How long a form of hers that leads to another page has to get there. */
const onTheWay = 10_000;
let sentAt = -onTheWay;
document.addEventListener("submit", (event) => {
  if (!event.defaultPrevented) sentAt = performance.now();
});

// The conversation or her session is over, or its past is shown again: the page is drawn anew from the
// record. It is told so too when she leaves quickly, and then must not come back before the neutral site;
// and when it is her own form that changed it, which leads her to the page that says so.
function anew(): void {
  const way = sentAt + onTheWay - performance.now();
  if (way > 0) setTimeout(anew, way);
  else if (!document.documentElement.classList.contains("leaving")) location.replace(location.href);
}
for (const event of ["vigie:over", "vigie:ended"]) document.addEventListener(event, anew);
