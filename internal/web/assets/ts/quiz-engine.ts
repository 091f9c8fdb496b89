// The quiz as a thing of its own: what is asked of whom, what the answers come to. It knows no page and keeps nothing; the same
// rules are in Go (catalogue/quiz.go), which reads the answers that somebody hands over.

export interface Answer {
  code: string;
  text: string;
  score: number;
  /** What it tells of; an answer that names a danger outweighs every score. */
  danger?: string;
}

export interface Question {
  code: string;
  text: string;
  hint?: string;
  /** "question.answer": asked only if one of these was given. Without, it is asked always. */
  when?: string[];
  answers: Answer[];
}

export interface Guide {
  href: string;
  title: string;
}

export interface Band {
  code: string;
  from: number;
  title: string;
  text: string;
  guides: Guide[];
}

/** Its bands begin at 0 and rise; a danger leads to the last. */
export interface Quiz {
  code: string;
  questions: Question[];
  bands: Band[];
}

/** What was answered, question → answer; "" was passed over. */
export type Given = ReadonlyMap<string, string>;

export interface Outcome {
  band: Band;
  score: number;
  /** In the order in which they were told of. */
  dangers: string[];
}

/** The questions that are put to whoever answers so, each with her answer where it has one. An answer to a question that is not
 * put any more, because she went back and answered another otherwise, counts for nothing. */
function asked(quiz: Quiz, given: Given): { question: Question; answer?: Answer }[] {
  const told = new Set<string>();
  const all: { question: Question; answer?: Answer }[] = [];
  for (const question of quiz.questions) {
    if (question.when?.length && !question.when.some((code) => told.has(code))) continue;
    const answer = question.answers.find(({ code }) => code === given.get(question.code));
    if (answer) told.add(`${question.code}.${answer.code}`);
    all.push(answer ? { question, answer } : { question });
  }
  return all;
}

/** The question after this one, or the first of all; nothing at the end. */
export function next(quiz: Quiz, given: Given, after?: string): Question | undefined {
  const from = quiz.questions.findIndex(({ code }) => code === after);
  return asked(quiz, given).find(({ question }) => quiz.questions.indexOf(question) > from)?.question;
}

/** The question before this one, or the last of all; nothing before the first. */
export function before(quiz: Quiz, given: Given, than?: string): Question | undefined {
  const to = than === undefined ? quiz.questions.length : quiz.questions.findIndex(({ code }) => code === than);
  return asked(quiz, given)
    .filter(({ question }) => quiz.questions.indexOf(question) < to)
    .pop()?.question;
}

/** Where she is: the how manieth question this is for her, and how many may come after it at most. */
export function place(quiz: Quiz, given: Given, at: string): { number: number; left: number } {
  const here = quiz.questions.findIndex(({ code }) => code === at);
  const number = asked(quiz, given).filter(({ question }) => quiz.questions.indexOf(question) <= here).length;
  // What she said before this question stands; from here on she may say anything.
  const told = new Set<string>();
  for (const { question, answer } of asked(quiz, given)) {
    if (answer && quiz.questions.indexOf(question) < here) told.add(`${question.code}.${answer.code}`);
  }
  let left = 0;
  quiz.questions.slice(here).forEach((question, after) => {
    if (after > 0 && question.when?.length && !question.when.some((code) => told.has(code))) return;
    if (after > 0) left += 1;
    for (const answer of question.answers) told.add(`${question.code}.${answer.code}`);
  });
  return { number, left };
}

/** What the answers come to. */
export function outcome(quiz: Quiz, given: Given): Outcome {
  let score = 0;
  const dangers: string[] = [];
  for (const { answer } of asked(quiz, given)) {
    score += answer?.score ?? 0;
    if (answer?.danger && !dangers.includes(answer.danger)) dangers.push(answer.danger);
  }
  const reached = quiz.bands.filter(({ from }) => dangers.length > 0 || score >= from);
  return { band: reached[reached.length - 1]!, score, dangers };
}

/** The answers as they are handed over, "young acts.mocked often.days"; "" for none. */
export function codes(quiz: Quiz, given: Given): string {
  const all = asked(quiz, given).flatMap(({ question, answer }) => (answer ? [`${question.code}.${answer.code}`] : []));
  return all.length > 0 ? [quiz.code, ...all].join(" ") : "";
}
