// The one door through which text becomes HTML. Where the browser knows Trusted Types, the content
// security policy can then forbid every other (require-trusted-types-for 'script'; trusted-types vigie).

interface Policy {
  createHTML(text: string): string;
}

interface Factory {
  createPolicy(name: string, rules: Policy): Policy;
}

const policy: Policy | undefined = (globalThis as { trustedTypes?: Factory }).trustedTypes?.createPolicy("vigie", { createHTML: (text) => text });

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
