/** `siglip eval`: zero-shot retrieval with the newest checkpoint of a run. */
import { evaluateTask, evaluationJson, evaluationTable } from "./evaluate.ts";
import { openModel } from "./openModel.ts";
import { print } from "./print.ts";
import { showRendering } from "./rendering.ts";
import { openTask } from "./task.ts";

export async function evaluate(run: string, { json = false }: { json?: boolean }): Promise<void> {
  const { config, model, tokenizer, step } = openModel(run);
  const task = await openTask(config, showRendering());
  const { evaluations } = evaluateTask(model, { ...task, tokenizer });
  if (json) {
    const [first, ...others] = evaluations.map(evaluationJson);
    print(JSON.stringify({ ...first, step, others }));
  } else {
    print(`${run}, step ${step}\n\n${evaluationTable(evaluations)}`);
  }
}
