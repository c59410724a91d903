/* Card fields for a shop's own form: put into <div id="valor-fields"> of <form id="valor-checkout-form">, they give
   the form a hidden input "token" and submit it (attributes and names: public clients). Card numbers stay in our frame. */

(() => {
  const script = document.currentScript ?? document.querySelector('script[data-name="valor_passage"]');
  const home = new URL(script.src).origin;
  const option = (name, otherwise = "") => script.getAttribute(`data-${name}`) ?? otherwise;
  const EXTRAS = [
    ["cardholderName", "cardholdername", "Name on card", "cc-name", "text"],
    ["email", "email", "Email", "email", "email"],
    ["phone", "phone", "Phone", "tel", "tel"],
    ["billingAddress", "address1", "Billing address", "billing street-address", "text"],
  ];

  function element(name, properties) {
    return Object.assign(document.createElement(name), properties);
  }

  function extra([wanted, name, text, autocomplete, type]) {
    const label = element("label", { textContent: text });
    const value = option(`default${wanted[0].toUpperCase()}${wanted.slice(1)}`);
    const input = element("input", { name, type, autocomplete, value });
    label.style.cssText = "display:block;margin:0 0 12px;font:inherit";
    input.style.cssText = "display:block;box-sizing:border-box;width:100%;min-height:44px;margin-top:4px;padding:8px 12px;font:inherit";
    label.append(input);
    return label;
  }

  function button() {
    const made = element("button", { type: "submit", textContent: option("submitText", "Pay") });
    made.style.cssText = "min-height:48px;width:100%;padding:8px 16px;border:0;border-radius:8px;font:inherit;cursor:pointer";
    made.style.backgroundColor = option("submitBg", "#1f4fa3");
    made.style.color = option("submitColor", "#fff");
    return made;
  }

  function start() {
    const form = document.getElementById("valor-checkout-form");
    const place = document.getElementById("valor-fields");
    if (!form || !place) return;
    const frame = element("iframe", { src: `${home}/passage/fields`, title: "Card" });
    frame.style.cssText = "display:block;width:100%;height:180px;border:0";
    place.append(frame, ...EXTRAS.filter(([wanted]) => option(wanted) === "true").map(extra));
    if (!form.querySelector("[type=submit]")) place.append(button());

    let asked = null;
    let ready = false;
    form.addEventListener("submit", (event) => {
      if (ready) return;
      event.preventDefault();
      if (asked) return;
      asked = crypto.randomUUID?.() ?? String(Math.random());
      const facts = { bezant: "tokenise", id: asked, clientToken: option("clientToken"), epi: option("epi") };
      frame.contentWindow.postMessage(facts, home);
    });
    addEventListener("message", (event) => {
      if (event.origin !== home || event.source !== frame.contentWindow) return;
      if (event.data?.bezant === "tall") frame.style.height = `${Number(event.data.pixels) || 180}px`;
      if (event.data?.bezant !== "tokenised" || event.data.id !== asked) return;
      asked = null;
      if (!event.data.token) return;
      form.querySelector("input[type=hidden][name=token]")?.remove();
      form.append(element("input", { type: "hidden", name: "token", value: event.data.token }));
      document.dispatchEvent(new CustomEvent("passageHiddenFormAdded", { detail: { form } }));
      ready = true;
      form.requestSubmit();
      ready = false;
    });
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
