// Where a script goes to another page, and what address this one is said to have. The console may put another
// way in its place (stay.ts).

let way = (url: string): void => location.assign(url);
let address = location.href;

export function visit(url: string): void {
  way(url);
}

export function visitBy(other: (url: string) => void): void {
  way = other;
}

/** Gives this page another address: what it shows now has one of its own. */
export function rename(url: string): void {
  history.replaceState(history.state, "", url);
  address = location.href;
}

/** The address that this page had when it was last asked; a browser changes location before it says so. */
export function here(): string {
  const before = address;
  address = location.href;
  return before;
}
