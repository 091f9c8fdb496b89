// The quizzes as they are, walked to every end: quiz.json is what their pages hold (site/quiz_test.go writes it).
import { expect, test } from "@playwright/test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { before, codes, next, outcome, place, type Given, type Question, type Quiz } from "../ts/quiz-engine";

interface Tried {
  quiz: Quiz;
  /** Who answers now, by the danger that an answer tells of. */
  numbers: Record<string, string[]>;
}

const all = JSON.parse(readFileSync(join(import.meta.dirname, "quiz.json"), "utf8")) as Tried[];

/**
 * One way to stand before a question. Ways that agree in all that may still matter are walked as one: whether a danger was told of,
 * the points, how many questions were put, and which later ones are open.
 */
interface Standing {
  given: Map<string, string>;
  score: number;
  grave: boolean;
  asked: number;
  ways: number;
}

/** Walks every answer to every question from the first to each end, and says what was seen on the way. */
function walk({ quiz }: Tried, seen: (at: Question, standing: Standing, left: number) => void): Standing[] {
  let standings = new Map<string, Standing>([["", { given: new Map(), score: 0, grave: false, asked: 0, ways: 1 }]]);
  const ends: Standing[] = [];
  for (let i = 0; i < quiz.questions.length; i += 1) {
    const at = quiz.questions[i]!;
    const matters = new Set(quiz.questions.slice(i + 1).flatMap((later) => later.when ?? []));
    const following = new Map<string, Standing>();
    const keep = (s: Standing): void => {
      const told = [...s.given].map(([question, answer]) => `${question}.${answer}`).filter((code) => matters.has(code));
      // Any of them opens a question: which ones does not matter, only which questions they open.
      const opens = quiz.questions.slice(i + 1).filter((later) => later.when?.some((code) => told.includes(code))).map((later) => later.code);
      const key = `${s.score} ${s.asked} ${s.grave} ${opens}`;
      const there = following.get(key);
      if (there) there.ways += s.ways;
      else following.set(key, s);
    };
    for (const s of standings.values()) {
      // Whatever was given before, the engine comes to this question next, or not at all.
      const shown = !at.when?.length || at.when.some((code) => s.given.get(code.split(".")[0]!) === code.split(".")[1]);
      if (!shown) {
        keep(s);
        continue;
      }
      seen(at, s, place(quiz, s.given, at.code).left);
      for (const answer of [undefined, ...at.answers]) {
        const given = new Map(s.given).set(at.code, answer?.code ?? "");
        keep({ given, score: s.score + (answer?.score ?? 0), grave: s.grave || !!answer?.danger, asked: s.asked + 1, ways: s.ways });
      }
    }
    standings = following;
  }
  ends.push(...standings.values());
  return ends;
}

/** The way through a quiz as the page goes it: question after question, with the answers of a map. */
function through(quiz: Quiz, given: Given): string[] {
  const way: string[] = [];
  const so = new Map<string, string>();
  for (let at = next(quiz, so); at; at = next(quiz, so, at.code)) {
    way.push(at.code);
    so.set(at.code, given.get(at.code) ?? "");
    if (way.length > quiz.questions.length) throw new Error(`it goes round: ${way}`);
  }
  return way;
}

for (const tried of all) {
  const { quiz, numbers } = tried;

  test(`${quiz.code}: every way ends in a band, and a danger outweighs every score`, () => {
    const questions = new Set<string>();
    const faults: string[] = []; // an expectation for each of so many takes minutes
    const ends = walk(tried, (at, s) => {
      questions.add(at.code);
      const { number } = place(quiz, s.given, at.code);
      if (number !== s.asked + 1) faults.push(`${at.code} is question ${number} after ${codes(quiz, s.given)}`);
    });
    expect(faults).toEqual([]);
    expect([...questions], "each question is asked of somebody").toEqual(quiz.questions.map(({ code }) => code));

    const bands = new Map<string, number>();
    const scores = new Set<number>();
    let ways = 0;
    for (const end of ends) {
      const { band, score, dangers } = outcome(quiz, end.given);
      expect(score, codes(quiz, end.given)).toBe(end.score);
      expect(dangers.length > 0).toBe(end.grave);
      const last = quiz.bands[quiz.bands.length - 1]!;
      const fitting = quiz.bands.filter(({ from }) => from <= score).pop()!;
      expect(band.code, codes(quiz, end.given)).toBe(dangers.length > 0 ? last.code : fitting.code);
      expect(band.title.length * band.text.length).toBeGreaterThan(0);
      for (const danger of dangers) expect(numbers[danger]?.length, `nobody answers for ${danger}`).toBeGreaterThan(0);
      bands.set(band.code, (bands.get(band.code) ?? 0) + end.ways);
      if (dangers.length === 0) scores.add(score);
      ways += end.ways;
    }
    expect([...bands.keys()].sort()).toEqual(quiz.bands.map(({ code }) => code).sort());
    // Each band is reached without a danger too: the questions about what weighs are not for nothing.
    for (const band of quiz.bands) expect([...scores].some((score) => quiz.bands.filter(({ from }) => from <= score).pop() === band), `${band.code} by points`).toBe(true);
    console.log(`${quiz.code}: ${ways} ways, ${ends.length} ends that differ, ${Math.max(...scores)} points at most without a danger`);
  });

  test(`${quiz.code}: the page comes to the questions that the answers open, forwards and back`, () => {
    const faults: string[] = [];
    walk(tried, (at, s) => {
      // The engine, asked step by step, arrives where the walk stands, and goes back the way that it came.
      const way = through(quiz, s.given);
      const earlier = way[way.indexOf(at.code) - 1];
      const comes = way.includes(at.code) && before(quiz, s.given, at.code)?.code === earlier && (!earlier || next(quiz, s.given, earlier)?.code === at.code);
      if (!comes) faults.push(`${at.code} after ${codes(quiz, s.given)}: ${way}`);
    });
    expect(faults).toEqual([]);
  });

  test(`${quiz.code}: one grave answer alone is enough`, () => {
    for (const question of quiz.questions) {
      for (const answer of question.answers.filter(({ danger }) => danger)) {
        const opening = question.when?.[0]?.split(".");
        const given = new Map([...(opening ? [[opening[0]!, opening[1]!] as const] : []), [question.code, answer.code] as const]);
        const { band, dangers } = outcome(quiz, given);
        expect(dangers).toContain(answer.danger);
        expect(band).toBe(quiz.bands[quiz.bands.length - 1]);
        expect(numbers[answer.danger!]!.length).toBeGreaterThan(0);
      }
    }
  });

  test(`${quiz.code}: who passes over everything ends calm, and is invited to talk`, () => {
    const given = new Map(quiz.questions.map(({ code }) => [code, ""]));
    const { band, score, dangers } = outcome(quiz, given);
    expect([band.code, score, dangers]).toEqual(["calm", 0, []]);
    expect(band.text).toMatch(/parle/i);
    expect(codes(quiz, given)).toBe("");
    for (const { text, title } of quiz.bands) expect(`${title} ${text}`).not.toMatch(/pas (une )?victime|pas harcel|rien de grave/i);
  });

  test(`${quiz.code}: how many questions may come at most is never too few`, () => {
    // The longest way on after a question, by which later ones are open.
    const faults: string[] = [];
    const known = new Map<string, number>();
    const longest = (i: number, open: readonly string[]): number => {
      const key = `${i} ${open}`;
      const there = known.get(key);
      if (there !== undefined) return there;
      let most = 0;
      for (const answer of ["", ...quiz.questions[i]!.answers.map(({ code }) => code)]) {
        const so = quiz.questions.slice(i + 1).filter((q) => open.includes(q.code) || q.when?.includes(`${quiz.questions[i]!.code}.${answer}`)).map(({ code }) => code);
        const following = quiz.questions.findIndex((q, at) => at > i && (!q.when?.length || so.includes(q.code)));
        if (following > 0) most = Math.max(most, 1 + longest(following, so));
      }
      known.set(key, most);
      return most;
    };
    walk(tried, (at, s, left) => {
      const told = [...s.given].map(([question, answer]) => `${question}.${answer}`);
      const i = quiz.questions.indexOf(at);
      const open = quiz.questions.slice(i + 1).filter((q) => q.when?.some((code) => told.includes(code))).map(({ code }) => code);
      if (longest(i, open) > left || left >= quiz.questions.length - i) faults.push(`after ${at.code}, ${codes(quiz, s.given)}: at most ${left}`);
    });
    expect(faults).toEqual([]);
  });
}

test("an answer to a question that is not put any more counts for nothing", () => {
  const quiz = all[0]!.quiz;
  const given = new Map([["acts", "mocked"], ["often", "days"], ["authors", "group"]]);
  const was = outcome(quiz, given).score;
  given.set("acts", "none");
  expect(outcome(quiz, given)).toMatchObject({ score: 0, dangers: [], band: { code: "calm" } });
  expect(codes(quiz, given)).toBe("young acts.none");
  expect(before(quiz, given, "images")?.code).toBe("acts");
  given.set("acts", "mocked");
  expect(outcome(quiz, given).score, "and counts again when she goes back once more").toBe(was);
});
