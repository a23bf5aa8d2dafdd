/** Search with a model from the user's disk: the files, their state in words, the words and what they find. */
import { type BrowserDevices, launchBrowser } from "../../src/parallel/launchBrowser.ts";
import { loadAtlas } from "../atlas/load.ts";
import { fixed, html, precise } from "../dom.ts";
import { type Result, searchOf } from "../search.ts";
import { startWorker, type WorkerConfig } from "../startWorker.ts";
import type { ChosenFile } from "./chosen.ts";
import type { Match, ModelReport, ModelRequest } from "./messages.ts";

/** A file of a choice; `webkitRelativePath` is its place in a chosen folder. */
const chosen = (file: File): ChosenFile => ({ path: file.webkitRelativePath || file.name, content: file });

const resultOf = ({ item, similarity, probability }: Match): Result => ({
  item,
  note: probability === undefined ? `s = ${fixed(similarity)}` : `p = ${precise(probability)}`,
});

/** Makes the search; its worker starts with the first choice of files. */
export function modelSearch(): HTMLElement {
  let devices: Promise<BrowserDevices<ModelRequest>> | undefined;
  let words = "";
  const status = html("p", { role: "status", "data-test": "model-status" });
  const search = searchOf("model", (now) => {
    words = now;
    search.draw(words, []);
    devices?.then((each) => each.send({ words }), () => {}); // biome-ignore format: a failed start is shown once
  });
  search.input.disabled = true;

  function open(files: readonly ChosenFile[]): void {
    devices?.then((each) => each.end(), () => {}); // biome-ignore format: a line
    search.input.disabled = true;
    search.draw(words, []);
    status.textContent = "Reading the model …";
    const own = start(files, (report) => devices === own && receive(report), (error) => devices === own && fail(error.message)); // biome-ignore format: a line
    devices = own;
    own.catch((error: Error) => devices === own && fail(error.message));
  }
  function receive(report: ModelReport): void {
    if (report.kind === "failed") fail(report.message);
    else if (report.kind === "opening") status.textContent = report.text;
    else if (report.kind === "opened") {
      status.textContent = report.text;
      search.input.disabled = false;
      if (words !== "") devices?.then((each) => each.send({ words }));
    } else if (report.words === words) search.draw(words, report.found.map(resultOf));
  }
  function fail(message: string): void {
    devices?.then((each) => each.end(), () => {}); // biome-ignore format: a line
    devices = undefined;
    status.textContent = `The model could not be opened: ${message}`;
  }
  return html(
    "div",
    { class: "model" },
    html("h3", {}, "Search with your own model"),
    html("p", { class: "note" }, "A run of siglip train, a model that siglip-ts saved, or a SigLIP model of Hugging Face or open_clip (safetensors) with its tokenizer. It is read in this page and sent nowhere. A large one takes minutes."),
    html(
      "div",
      { class: "files" },
      filesField("a folder", "model-folder", true, open),
      filesField("or its files", "model-files", false, open),
    ),
    status,
    search.element,
  ); // biome-ignore format: a sentence is one text
}

function filesField(
  label: string,
  test: string,
  isFolder: boolean,
  onChoose: (files: ChosenFile[]) => void,
): HTMLElement {
  const input = html("input", { type: "file", multiple: true, webkitdirectory: isFolder, "data-test": test });
  input.addEventListener("change", () => {
    if (input.files?.length) onChoose([...input.files].map(chosen));
  });
  return html("label", { class: "choice" }, label, input);
}

async function start(
  files: readonly ChosenFile[],
  onReport: (report: ModelReport) => void,
  onFailure: (error: Error) => void,
): Promise<BrowserDevices<ModelRequest>> {
  const { pictures, styles, names } = await loadAtlas();
  return launchBrowser<WorkerConfig, ModelRequest, ModelReport>({
    size: 1,
    start: startWorker,
    kernels: "fast",
    config: { program: "model", names: { styles, names }, pictures, files },
    onReport,
    onFailure,
  });
}
