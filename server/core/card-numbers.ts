/*
 * Finds payment card numbers in text. Cards are not taken here, so one that stands in a reference, a name or a note got
 * there by mistake and must not be kept.
 *
 * A number counts when its digits, written together or in groups, have a length and a beginning that a card scheme issues
 * and a right check digit. Random digits alone do not: order numbers and article numbers pass.
 */

const SCHEMES: readonly { starts: RegExp; lengths: readonly number[] }[] = [
  { starts: /^4/, lengths: [16, 19] },
  { starts: /^(5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720)/, lengths: [16] },
  { starts: /^3[47]/, lengths: [15] },
  { starts: /^(30[0-5]|309|36|38|39)/, lengths: [14] },
  { starts: /^(6011|64[4-9]|65|62|352[89]|35[3-8])/, lengths: [16, 17, 18, 19] },
  { starts: /^(50|5[678]|6304|6390|67)/, lengths: [16, 17, 18, 19] },
  { starts: /^(220[0-4]|9792|508|60[68]|81|82)/, lengths: [16] },
];
const LENGTH_MIN = 14;
const LENGTH_MAX = 19;
/** What people and programs put between groups of digits. */
const JOINT = /^[\s\-\u2010-\u2015_.·/]{1,3}$/u;
/** No card number without that many digits: most texts are passed by this alone. */
const ENOUGH_DIGITS = /(?:[0-9\uff10-\uff19][^0-9\uff10-\uff19]{0,3}){14}/;

/** Mod 10: every second digit from the right is doubled. */
export function hasLuhnDigit(digits: string): boolean {
  let sum = 0;
  for (let index = 0; index < digits.length; index += 1) {
    const digit = digits.charCodeAt(digits.length - 1 - index) - 48;
    const doubled = index % 2 === 1 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}

function isCardNumber(digits: string): boolean {
  return (
    SCHEMES.some(({ starts, lengths }) => lengths.includes(digits.length) && starts.test(digits)) &&
    hasLuhnDigit(digits)
  );
}

/** Where card numbers stand in a text, from the first, not overlapping. Full-width digits count too. */
export function findCardNumbers(text: string): { start: number; end: number }[] {
  if (!ENOUGH_DIGITS.test(text)) return [];
  const groups = [...text.matchAll(/[0-9\uff10-\uff19]+/g)].map((match) => ({
    start: match.index,
    end: match.index + match[0].length,
    digits: match[0].normalize("NFKC"),
  }));
  const found: { start: number; end: number }[] = [];
  for (let first = 0; first < groups.length; first += 1) {
    let digits = "";
    for (let last = first; last < groups.length; last += 1) {
      const group = groups[last];
      const before = groups[last - 1];
      if (!group) break;
      if (last > first && before && !JOINT.test(text.slice(before.end, group.start))) break;
      digits += group.digits;
      if (digits.length > LENGTH_MAX) break;
      if (digits.length < LENGTH_MIN || !isCardNumber(digits)) continue;
      found.push({ start: groups[first]?.start ?? 0, end: group.end });
      first = last;
      break;
    }
  }
  return found;
}

export function hasCardNumber(text: string): boolean {
  return findCardNumbers(text).length > 0;
}

/** The text with every card number replaced. */
export function maskCardNumbers(text: string, mask: string): string {
  let masked = "";
  let from = 0;
  for (const { start, end } of findCardNumbers(text)) {
    masked += text.slice(from, start) + mask;
    from = end;
  }
  return masked + text.slice(from);
}
