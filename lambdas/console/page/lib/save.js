/** Keeps what is shown as one HTML file: no scripts, nothing to load, and no way back into the console. */

const POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

/** Hand a view to the browser's downloads, as it is shown. */
export async function save(view, name) {
  const page = document.implementation.createHTMLDocument(document.title);
  page.documentElement.lang = "en";
  for (const [attribute, value] of [["http-equiv", "Content-Security-Policy"], ["name", "viewport"], ["name", "color-scheme"]]) {
    const content = { "Content-Security-Policy": POLICY, viewport: "width=device-width, initial-scale=1", "color-scheme": "light dark" }[value];
    page.head.append(made(page, "meta", { [attribute]: value, content }));
  }
  const copy = page.importNode(view, true);
  const pictures = [...view.querySelectorAll("img")];
  for (const [index, image] of [...copy.querySelectorAll("img")].entries()) image.setAttribute("src", await addressOf(pictures[index].src));
  for (const element of copy.querySelectorAll("button, form, .button, .actions")) element.remove();
  for (const element of copy.querySelectorAll("details")) element.setAttribute("open", "");
  for (const link of copy.querySelectorAll("a[href^='#']")) link.removeAttribute("href");
  copy.append(made(page, "p", { class: "soft small" }, `Saved ${new Date().toISOString().slice(0, 16).replace("T", " ")} UTC`));
  page.body.append(copy);
  // As text, since this page's own policy allows no inline styles.
  const styles = [...document.styleSheets].flatMap((sheet) => [...sheet.cssRules]).map(({ cssText }) => cssText);
  const text = `<!doctype html>\n${page.documentElement.outerHTML.replace("</head>", () => `<style>${styles.join("\n")}</style></head>`)}`;
  const url = URL.createObjectURL(new Blob([text], { type: "text/html" }));
  Object.assign(document.createElement("a"), { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

function made(page, name, attributes, text = "") {
  const element = page.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) element.setAttribute(attribute, value);
  element.textContent = text;
  return element;
}

/** Return a picture of the page as an address that holds it. */
async function addressOf(source) {
  const blob = await new Promise((resolve, reject) => {
    const image = new Image();
    image.onload = () => {
      const canvas = Object.assign(document.createElement("canvas"), { width: image.naturalWidth, height: image.naturalHeight });
      canvas.getContext("2d").drawImage(image, 0, 0);
      canvas.toBlob(resolve, "image/png");
    };
    image.onerror = reject;
    image.src = source;
  });
  return new Promise((resolve) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.readAsDataURL(blob);
  });
}
