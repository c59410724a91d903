/* What is known of card numbers and dates, for every form of ours. */

const GROUPS = { amex: [4, 6, 5], others: [4, 4, 4, 4, 3] };
const LENGTHS = { visa: [13, 19], amex: [15, 15], diners: [14, 19], maestro: [12, 19], unknown: [12, 19], others: [16, 19] };
const RANGES = [
  [34, 34, "amex"], [37, 37, "amex"], [300, 305, "diners"], [3095, 3095, "diners"], [36, 36, "diners"],
  [38, 39, "diners"], [3528, 3589, "jcb"], [2131, 2131, "jcb"], [1800, 1800, "jcb"], [4, 4, "visa"],
  [51, 55, "mastercard"], [2221, 2720, "mastercard"], [6011, 6011, "discover"], [644, 649, "discover"],
  [65, 65, "discover"], [62, 62, "unionpay"], [81, 81, "unionpay"], [50, 50, "maestro"], [56, 59, "maestro"],
  [6304, 6304, "maestro"], [67, 67, "maestro"],
];
const ARABIC = /[\u0660-\u0669\u06f0-\u06f9]/g;

/** Digits of Arabic keyboards as those on cards. */
export const western = (text) => text.replace(ARABIC, (digit) => String(digit.charCodeAt(0) & 15));

export const digits = (text) => western(text).replace(/[^0-9]/g, "");

export function brandOf(number) {
  for (const [low, high, brand] of RANGES) {
    const length = String(low).length;
    const head = Number(number.slice(0, length));
    if (number.length >= length && head >= low && head <= high) return brand;
  }
  return "unknown";
}

function passesLuhn(number) {
  let total = 0;
  [...number].reverse().forEach((digit, place) => {
    const value = Number(digit) * (place % 2 ? 2 : 1);
    total += value > 9 ? value - 9 : value;
  });
  return total % 10 === 0;
}

export function numberIsGood(number) {
  const [shortest, longest] = LENGTHS[brandOf(number)] ?? LENGTHS.others;
  return number.length >= shortest && number.length <= longest && passesLuhn(number);
}

/** Whether MM / YY is a month, and none before ``present`` (YYMM). */
export function expiryIsGood(text, present) {
  const found = digits(text);
  const month = found.slice(0, 2);
  return found.length === 4 && month >= "01" && month <= "12" && found.slice(2) + month >= present;
}

export function grouped(number) {
  const parts = [];
  let at = 0;
  for (const length of GROUPS[brandOf(number)] ?? GROUPS.others) {
    if (at >= number.length) break;
    parts.push(number.slice(at, at + length));
    at += length;
  }
  return parts.join(" ");
}

export function dated(text) {
  let found = digits(text);
  if (/^[2-9]/.test(found)) found = `0${found}`;
  if (found.length === 6 && found.slice(2, 4) === "20") found = found.slice(0, 2) + found.slice(4);
  found = found.slice(0, 4);
  return found.length > 2 ? `${found.slice(0, 2)} / ${found.slice(2)}` : found;
}

/** Formats an input's text and keeps the caret behind the same digit. */
export function rewrite(input, format) {
  const before = digits(input.value.slice(0, input.selectionStart)).length;
  const atEnd = input.selectionStart === input.value.length;
  const text = format(input.value);
  if (text === input.value) return;
  input.value = text;
  let at = text.length;
  if (!atEnd) {
    at = 0;
    for (let seen = 0; seen < before && at < text.length; at += 1) seen += /[0-9]/.test(text[at]) ? 1 : 0;
  }
  input.setSelectionRange(at, at);
}

/** Formats number and expiry while they are typed, and shows the brand; ``onBrand`` is told of it. */
export function dress(number, expiry, mark, onBrand = () => {}) {
  const show = () => {
    const brand = brandOf(digits(number.value));
    mark.querySelector("use").setAttribute("href", `#brand-${brand}`);
    mark.dataset.brand = brand;
    onBrand(brand);
  };
  number.addEventListener("input", () => {
    rewrite(number, (text) => grouped(digits(text).slice(0, 19)));
    show();
  });
  expiry.addEventListener("input", (event) => {
    if (!event.inputType?.startsWith("delete")) rewrite(expiry, dated);
  });
  show();
}

/** Marks an input as right, or as wrong with a text. */
export function judge(input, text) {
  const error = input.closest("[data-field]").querySelector(".error");
  input.closest("[data-field]").classList.toggle("wrong", text !== "");
  error.hidden = text === "";
  error.querySelector("[data-error]").textContent = text;
  if (text === "") input.removeAttribute("aria-invalid");
  else input.setAttribute("aria-invalid", "true");
}
