/* Makes the payment form kinder: formats what is typed, names the brand, says what is wrong at once, adds the tip up.
   Nothing depends on it: the server checks everything again. No text is ever turned into markup. */

import { brandOf, digits, dress, expiryIsGood, judge, numberIsGood, rewrite, western } from "@card.js@";

const BUSY_MILLISECONDS = 20000;

class Form {
  constructor(form) {
    this.form = form;
    this.money = new Intl.NumberFormat(form.dataset.locale, { style: "currency", currency: form.dataset.currency });
    this.scale = 10 ** Number(form.dataset.exponent);
    this.tests = {
      tip_amount: () => this.tipChoice()?.value !== "other" || this.otherTip() !== null,
      card_number: (input) => numberIsGood(digits(input.value)),
      expiry: (input) => expiryIsGood(input.value, form.dataset.month),
      code: (input) => digits(input.value).length === (this.brand() === "amex" ? 4 : 3),
      holder: (input) => input.value.trim() !== "",
      street: (input) => input.value.trim() !== "",
      postal_code: (input) =>
        (input.value.trim() === "" && !input.required) || /^[0-9A-Za-z][0-9A-Za-z -]{1,8}[0-9A-Za-z]$/.test(input.value.trim()),
      email: (input) => input.value.trim() === "" || /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(input.value.trim()),
    };
    this.listen();
    this.total();
    form.querySelector("[data-notice]")?.focus();
  }

  input(name) {
    return this.form.querySelector(`#${name}`);
  }

  brand() {
    return brandOf(digits(this.input("card_number").value));
  }

  listen() {
    const code = this.input("code");
    dress(this.input("card_number"), this.input("expiry"), this.form.querySelector("[data-brand]"), (brand) => {
      code.placeholder = brand === "amex" ? "1234" : "123";
    });
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
        else judge(this.input("tip_amount"), "");
      });
    }
    const tip = this.input("tip_amount");
    tip?.addEventListener("input", () => {
      tip.value = western(tip.value).replace(/[\u066b,]/, ".");
      this.total();
    });
    this.form.addEventListener("submit", (event) => this.submit(event));
    // A page that comes back from the browser's memory has an attempt that was made.
    addEventListener("pageshow", (event) => event.persisted && location.reload());
  }

  tipChoice() {
    return this.form.querySelector("[name=tip]:checked");
  }

  /** The typed tip in minor units; null for what is no amount. */
  otherTip() {
    const found = /^([0-9]{1,6})(?:\.([0-9]{1,2}))?$/.exec(this.input("tip_amount").value.trim());
    return found ? Number(found[1]) * this.scale + Math.round(Number(`0.${found[2] || 0}`) * this.scale) : null;
  }

  total() {
    const choice = this.tipChoice();
    let minor = Number(this.form.dataset.total);
    if (this.form.querySelector("[name=tip]")) {
      const tip = choice?.value === "other" ? (this.otherTip() ?? 0) : Number(choice?.dataset.minor ?? 0);
      minor += tip;
      document.querySelector("[data-tip-row]").hidden = tip === 0;
      document.querySelector("[data-tip]").textContent = this.written(tip);
      document.querySelector("[data-total]").textContent = this.written(minor);
      document.querySelector("[data-total-label]").textContent = this.form.dataset.totalLabel;
      document.querySelector(".due strong").textContent = this.written(minor);
    }
    this.label = this.form.dataset.pay.replace("{}", this.written(minor));
    this.form.querySelector("[data-submit-text]").textContent = this.label;
  }

  written(minor) {
    const text = this.money.format(minor / this.scale);
    // Within Arabic an amount is a piece of its own, as the server writes it.
    return document.dir === "rtl" ? `\u2066${text.replaceAll("\u200f", "")}\u2069` : text;
  }

  check(name) {
    const input = this.input(name);
    const good = this.tests[name](input);
    judge(input, good ? "" : this.form.getAttribute(`data-error-${name}`));
    return good;
  }

  submit(event) {
    const wrong = Object.keys(this.tests).filter((name) => this.input(name) && !this.check(name));
    const waiting = this.form.querySelector("[data-submit]").getAttribute("aria-disabled");
    if (waiting || wrong.length) event.preventDefault();
    if (wrong.length) this.input(wrong[0]).focus();
    if (waiting || wrong.length) return;
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
    this.form.querySelector("[data-status]").textContent = yes ? text : "";
  }
}

const form = document.querySelector("[data-form]");
if (form) new Form(form);
