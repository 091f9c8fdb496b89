// The one door through which text becomes HTML. Where the browser knows Trusted Types, the content
// security policy can then forbid every other (require-trusted-types-for 'script'; trusted-types vigie).

interface Policy {
  createHTML(text: string): string;
  createScriptURL(url: string): string;
}

const made = Symbol.for("vigie.policy");

interface Factory {
  createPolicy(name: string, rules: Policy): Policy;
}

// A page may load two of our bundles, each with this file in it, and a policy of one name is made once.
const shared = globalThis as { trustedTypes?: Factory; [made]?: Policy | undefined };
const policy: Policy | undefined = (shared[made] ??= shared.trustedTypes?.createPolicy("vigie", { createHTML: (text) => text, createScriptURL: ours }));

/** Only what we serve ourselves is ever run. */
function ours(url: string): string {
  if (/^\/[\w-][\w./-]*\.js$/.test(url)) return url;
  throw new TypeError("a script that is not of this house");
}

/** Parses HTML that our own server wrote; scripts in it do not run. */
export function parse(html: string): DocumentFragment {
  const template = document.createElement("template");
  template.innerHTML = policy ? policy.createHTML(html) : html;
  return template.content;
}

/** Parses a whole page of ours; its scripts do not run and its elements sleep until they are on this page. */
export function parsePage(html: string): Document {
  return new DOMParser().parseFromString(policy ? policy.createHTML(html) : html, "text/html");
}

/** The address of a script of ours ("/sw.js", "/assets/…"), as the browser takes it for a worker. */
export function scriptURL(path: string): string {
  return policy ? policy.createScriptURL(path) : ours(path);
}
