// Everything here only adds to pages that already work: without it forms still post and links still lead.
import htmx from "htmx.org";
import { confirmBeforeSubmit } from "./confirm";
import { enhanceTables } from "./tables";
import { chooseMany } from "./choices";
import { copyButtons } from "./copy";
import { computeDigests } from "./digests";
import { markScrollers } from "./scrollers";
import { submitOnce } from "./forms";
import { showUploads } from "./uploads";
import { printButtons } from "./print";

// A refused or failed poll leaves the page as it is; nothing is ever evaluated from attributes.
Object.assign(htmx.config, { noSwap: [204, 304, "4xx", "5xx"], history: false });

confirmBeforeSubmit();
chooseMany();
copyButtons();
computeDigests();
printButtons();
submitOnce();
showUploads();
enhanceTables(document);
markScrollers(document);

if (document.querySelector("[data-chart]")) {
  void import("./charts").then((charts) => charts.drawAll(document));
}
