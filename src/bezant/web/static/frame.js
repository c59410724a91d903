/* The card's fields inside a shop's page. The shop's script asks for a token, and gets nothing else of the card. */

import { digits, dress, expiryIsGood, judge, numberIsGood } from "@card.js@";

const API = "/";
const form = document.querySelector("[data-card]");
const number = form.querySelector("#card_number");
const expiry = form.querySelector("#expiry");
const failure = form.querySelector("[data-failure]");

const present = () => {
  const now = new Date();
  return String(now.getFullYear() % 100).padStart(2, "0") + String(now.getMonth() + 1).padStart(2, "0");
};

function check() {
  const numberGood = numberIsGood(digits(number.value));
  const expiryGood = expiryIsGood(expiry.value, present());
  judge(number, numberGood ? "" : form.dataset.wrongNumber);
  judge(expiry, expiryGood ? "" : form.dataset.wrongExpiry);
  if (!numberGood) number.focus();
  else if (!expiryGood) expiry.focus();
  return numberGood && expiryGood;
}

async function token(asked) {
  const fields = {
    txn_type: "cardToken",
    client_token: String(asked.clientToken),
    epi: String(asked.epi),
    pan: digits(number.value),
    expirydate: digits(expiry.value),
  };
  const answer = await fetch(API, { method: "POST", body: new URLSearchParams(fields), credentials: "omit" });
  const { cardToken } = await answer.json();
  return cardToken ?? null;
}

/** Answers the page around us alone, at the address that it asked from. */
addEventListener("message", async (event) => {
  if (event.source !== parent || event.data?.bezant !== "tokenise") return;
  const reply = (facts) => parent.postMessage({ bezant: "tokenised", id: event.data.id, ...facts }, event.origin);
  failure.hidden = true;
  if (!check()) {
    tall();
    reply({ token: null });
    return;
  }
  const found = await token(event.data).catch(() => null);
  failure.hidden = found !== null;
  failure.querySelector("[data-error]").textContent = found === null ? form.dataset.failed : "";
  tall();
  reply({ token: found });
});

/** How tall we are is no secret, so every page around us is told. */
function tall() {
  parent.postMessage({ bezant: "tall", pixels: Math.ceil(document.body.getBoundingClientRect().height) }, "*");
}

dress(number, expiry, form.querySelector("[data-brand]"));
form.addEventListener("submit", (event) => event.preventDefault());
new ResizeObserver(tall).observe(document.body);
