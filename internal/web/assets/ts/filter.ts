/** How words are compared when a few letters must find them: no accents, no capitals. */
export function fold(text: string): string {
  return text.normalize("NFD").replace(/\p{Diacritic}/gu, "").toLowerCase();
}

/** Whether every word asked for begins a word of the text. */
export function matches(text: string, asked: string): boolean {
  const words = fold(text).split(/[^\p{L}\p{N}]+/u);
  return fold(asked).split(/\s+/).filter(Boolean).every((a) => words.some((w) => w.startsWith(a)));
}
