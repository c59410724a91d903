/* Makes the payment form kinder: formats what is typed, names the brand, says what is wrong at once, adds the tip up.
   Nothing depends on it: the server checks everything again. No text is ever turned into markup. */

const GROUPS = { amex: [4, 6, 5], others: [4, 4, 4, 4, 3] };
const LENGTHS = { visa: [13, 19], amex: [15, 15], diners: [14, 19], maestro: [12, 19], unknown: [12, 19], others: [16, 19] };
const BUSY_MILLISECONDS = 20000;
const RANGES = [
  [34, 34, "amex"], [37, 37, "amex"], [300, 305, "diners"], [3095, 3095, "diners"], [36, 36, "diners"],
  [38, 39, "diners"], [3528, 3589, "jcb"], [2131, 2131, "jcb"], [1800, 1800, "jcb"], [4, 4, "visa"],
  [51, 55, "mastercard"], [2221, 2720, "mastercard"], [6011, 6011, "discover"], [644, 649, "discover"],
  [65, 65, "discover"], [62, 62, "unionpay"], [81, 81, "unionpay"], [50, 50, "maestro"], [56, 59, "maestro"],
  [6304, 6304, "maestro"], [67, 67, "maestro"],
];
const ARABIC = /[\u0660-\u0669\u06f0-\u06f9]/g;

/** Digits of Arabic keyboards as those on cards. */
const western = (text) => text.replace(ARABIC, (digit) => String(digit.charCodeAt(0) & 15));
const digits = (text) => western(text).replace(/[^0-9]/g, "");

export function brandOf(number) {
  for (const [low, high, brand] of RANGES) {
    const length = String(low).length;
    const head = Number(number.slice(0, length));
    if (number.length >= length && head >= low && head <= high) return brand;
  }
  return "unknown";
}

export function passesLuhn(number) {
  let total = 0;
  [...number].reverse().forEach((digit, place) => {
    const value = Number(digit) * (place % 2 ? 2 : 1);
    total += value > 9 ? value - 9 : value;
  });
  return total % 10 === 0;
}

export function grouped(number) {
  const groups = GROUPS[brandOf(number)] ?? GROUPS.others;
  const parts = [];
  let at = 0;
  for (const length of groups) {
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

const numberIsGood = (number) => {
  const [shortest, longest] = LENGTHS[brandOf(number)] ?? LENGTHS.others;
  return number.length >= shortest && number.length <= longest && passesLuhn(number);
};

/** Whether MM / YY is a month that is not over; the present one comes from the server, which has the merchant's clock. */
const expiryIsGood = (text, present) => {
  const found = digits(text);
  const month = found.slice(0, 2);
  return found.length === 4 && month >= "01" && month <= "12" && found.slice(2) + month >= present;
};

class Form {
  constructor(form) {
    this.form = form;
    this.money = new Intl.NumberFormat(form.dataset.locale, { style: "currency", currency: form.dataset.currency });
    this.scale = 10 ** Number(form.dataset.exponent);
    this.tests = {
      tip_amount: () => this.tipChoice() !== "other" || this.otherTip() !== null,
      card_number: (input) => numberIsGood(digits(input.value)),
      expiry: (input) => expiryIsGood(input.value, form.dataset.month),
      code: (input) => {
        const brand = brandOf(digits(this.input("card_number").value));
        return digits(input.value).length === (brand === "amex" ? 4 : 3);
      },
      holder: (input) => input.value.trim() !== "",
      street: (input) => input.value.trim() !== "",
      postal_code: (input) => (input.value.trim() === "" && !input.required) || /^[0-9A-Za-z][0-9A-Za-z -]{1,8}[0-9A-Za-z]$/.test(input.value.trim()),
      email: (input) => input.value.trim() === "" || /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(input.value.trim()),
    };
    this.listen();
    this.total();
    this.mark();
    form.querySelector("[data-notice]")?.focus();
  }

  input(name) {
    return this.form.querySelector(`#${name}`);
  }

  listen() {
    const number = this.input("card_number");
    number.addEventListener("input", () => {
      rewrite(number, (text) => grouped(digits(text).slice(0, 19)));
      this.mark();
    });
    const expiry = this.input("expiry");
    expiry.addEventListener("input", (event) => {
      if (!event.inputType?.startsWith("delete")) rewrite(expiry, dated);
    });
    const code = this.input("code");
    code.addEventListener("input", () => rewrite(code, (text) => digits(text).slice(0, 4)));
    for (const name of Object.keys(this.tests)) {
      const input = this.input(name);
      input?.addEventListener("blur", () => input.value && this.check(name));
      input?.addEventListener("input", () => input.getAttribute("aria-invalid") && this.check(name));
    }
    for (const choice of this.form.querySelectorAll("[name=tip]")) {
      choice.addEventListener("change", () => {
        this.total();
        if (choice.value === "other") this.input("tip_amount").focus();
      });
    }
    const tip = this.input("tip_amount");
    tip?.addEventListener("input", () => {
      tip.value = western(tip.value).replace(/[\u066b,]/, ".");
      this.total();
    });
    this.form.addEventListener("submit", (event) => this.submit(event));
    // A page that comes back from the browser's memory is ready again.
    addEventListener("pageshow", (event) => event.persisted && location.reload());
  }

  mark() {
    const brand = brandOf(digits(this.input("card_number").value));
    this.form.querySelector("[data-brand] use").setAttribute("href", `#brand-${brand}`);
    this.form.querySelector("[data-brand]").dataset.brand = brand;
    this.input("code").placeholder = brand === "amex" ? "1234" : "123";
  }

  tipChoice() {
    return this.form.querySelector("[name=tip]:checked")?.value ?? "";
  }

  /** The typed tip in minor units; null for what is no amount. */
  otherTip() {
    const found = /^([0-9]{1,6})(?:\.([0-9]{1,2}))?$/.exec(this.input("tip_amount").value.trim());
    return found ? Number(found[1]) * this.scale + Math.round(Number(`0.${found[2] || 0}`) * this.scale) : null;
  }

  total() {
    const chosen = this.form.querySelector("[name=tip]:checked");
    const shown = this.form.querySelector("[data-submit-text]");
    let minor = Number(this.form.dataset.total);
    if (this.form.querySelector("[name=tip]")) {
      const tip = chosen?.value === "other" ? (this.otherTip() ?? 0) : Number(chosen?.dataset.minor ?? 0);
      minor += tip;
      document.querySelector("[data-tip-row]").hidden = tip === 0;
      document.querySelector("[data-tip]").textContent = this.written(tip);
      document.querySelector("[data-total]").textContent = this.written(minor);
      document.querySelector("[data-total-label]").textContent = this.form.dataset.totalLabel;
      document.querySelector(".due strong").textContent = this.written(minor);
    }
    this.label = this.form.dataset.pay.replace("{}", this.written(minor));
    shown.textContent = this.label;
  }

  written(minor) {
    return this.money.format(minor / this.scale);
  }

  check(name) {
    const input = this.input(name);
    const good = this.tests[name](input);
    const field = input.closest("[data-field]");
    const error = field.querySelector(".error");
    field.classList.toggle("wrong", !good);
    error.hidden = good;
    error.querySelector("[data-error]").textContent = good ? "" : this.form.getAttribute(`data-error-${name}`);
    if (good) input.removeAttribute("aria-invalid");
    else input.setAttribute("aria-invalid", "true");
    return good;
  }

  submit(event) {
    const button = this.form.querySelector("[data-submit]");
    if (button.getAttribute("aria-disabled")) {
      event.preventDefault();
      return;
    }
    const wrong = Object.keys(this.tests).filter((name) => this.input(name) && !this.check(name));
    if (wrong.length) {
      event.preventDefault();
      this.input(wrong[0]).focus();
      return;
    }
    this.busy(true);
    // Pressing it once more is safe, and needed where the first request was lost on its way.
    setTimeout(() => this.busy(false), BUSY_MILLISECONDS);
  }

  busy(yes) {
    const text = yes ? this.form.dataset.busy : this.label;
    const button = this.form.querySelector("[data-submit]");
    if (yes) button.setAttribute("aria-disabled", "true");
    else button.removeAttribute("aria-disabled");
    this.form.querySelector("[data-submit-text]").textContent = text;
    this.form.querySelector("[data-status]").textContent = text;
  }
}

/** Formats an input's text and keeps the caret behind the same digit. */
function rewrite(input, format) {
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

const form = document.querySelector("[data-form]");
if (form) new Form(form);
