import { follow } from "./quick";

// Follows a[data-earlier], the way to the messages before the first of a log. They come above it by
// pieces, and what the reader has before her eyes stays where it is. Nothing of it is read aloud: it is
// not new. Without JavaScript the link leads to a page.
document.addEventListener("click", (event) => {
  const link = event.target instanceof Element ? event.target.closest<HTMLAnchorElement>("a[data-earlier]") : null;
  if (!link || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  const log = link.closest<HTMLElement>("[data-log-view]");
  const first = link.closest("ol")?.querySelector("[data-from]");
  void follow(link, (put) => {
    log?.setAttribute("aria-live", "off");
    const top = first?.getBoundingClientRect().top ?? 0;
    put();
    (log ?? document.documentElement).scrollTop += (first?.getBoundingClientRect().top ?? 0) - top;
    setTimeout(() => log?.setAttribute("aria-live", "polite"), 1000);
  });
});
