import { scriptURL } from "./html";

// The page's side of the service worker (sw/sw.ts). A page of the site registers it once it has been drawn; the rooms of the staff, the
// chat and what stands on partners' pages never do.
//
// A new build of the worker waits until no page holds anything that is not kept yet. It asks; whoever holds something says so by preventing
// the default of "vigie:may-update" on the document (an open vault does). A text that was begun in a form is held by itself.

const elsewhere = /^\/(en\/)?(desk|admin|wall|chat|message|resume|envelope|embed\/button)(\/|$)/;

const worker = "serviceWorker" in navigator ? navigator.serviceWorker : undefined;

const lang = (): string => document.documentElement.lang;

/** Whether the page stands in a window of its own, as an app. */
export function installed(): boolean {
  return matchMedia("(display-mode: standalone)").matches || (navigator as { standalone?: boolean }).standalone === true;
}

/** Says something to the worker, once there is one, and hears what it answers; undefined where there is none. */
export async function tell(said: Record<string, unknown>): Promise<unknown> {
  if (!worker || !(await worker.getRegistration())) return undefined;
  const { active } = await worker.ready;
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = ({ data }) => resolve(data);
    active?.postMessage({ lang: lang(), ...said }, [port2]);
  });
}

/** Registers the worker and has it know that this page is here. */
export async function register(): Promise<boolean> {
  if (!worker || !isSecureContext) return false;
  try {
    const registration = await worker.register(scriptURL("/sw.js"), { scope: "/", updateViaCache: "none" });
    await worker.ready;
    registration.waiting?.postMessage({ vigie: "activate" });
    return true;
  } catch {
    return false; // a private window, or no network yet: the site works without
  }
}

function holds(): boolean {
  if (!document.dispatchEvent(new CustomEvent("vigie:may-update", { cancelable: true }))) return true;
  const written = [...document.querySelectorAll<HTMLInputElement | HTMLTextAreaElement>("textarea, input:not([type=hidden], [type=checkbox], [type=radio])")];
  return written.some((field) => field.value !== field.defaultValue);
}

/** An app that was opened under its neutral name says so in its first address, and is remembered as such by its worker. */
const openedAs = new URLSearchParams(location.search).get("app");

async function begin(): Promise<void> {
  if (!(await register())) return;
  const here: Record<string, unknown> = { vigie: "here", installed: installed() };
  if (openedAs && installed()) here["neutral"] = openedAs === "notes";
  void tell(here);
}

/** Where there is no network the chat says so, with the numbers that a telephone can still call. */
function lead(event: MouseEvent): void {
  const link = event.target instanceof Element ? event.target.closest<HTMLAnchorElement>("a[href]") : null;
  if (!link || navigator.onLine || !worker?.controller || link.origin !== location.origin || !elsewhere.test(link.pathname)) return;
  event.preventDefault();
  location.assign(`${lang() === "en" ? "/en" : ""}/offline`);
}

/** What every page of the site does; called once, by site.ts. */
export function watch(): void {
  // No browser asks by itself whether the app should be installed: whoever holds the telephone would read it. The page /app asks.
  addEventListener("beforeinstallprompt", (event) => event.preventDefault());
  if (!worker || !isSecureContext || elsewhere.test(location.pathname) || top !== self) return;
  worker.addEventListener("message", ({ data, ports }: MessageEvent<{ vigie?: string } | undefined>) => {
    if (data?.vigie === "may-i") ports[0]?.postMessage(holds() ? "busy" : "free");
  });
  worker.startMessages();
  // The page first, then the shelf.
  const soon = (): void => void setTimeout(() => void begin(), 500);
  if (document.readyState === "complete") soon();
  else addEventListener("load", soon, { once: true });
  addEventListener("click", lead);
  addEventListener("appinstalled", () => void tell({ vigie: "keep" }));
}
