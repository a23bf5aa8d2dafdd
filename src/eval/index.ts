/** Public API of `eval`: retrieval and zero-shot classification from embeddings. */
export { type Embeddings, type Neighbour, nearest } from "./embeddings.ts";
export { EvaluationError } from "./evaluationError.ts";
export { canonicalize, type Prompt, prompts } from "./prompts.ts";
export { chance, type Recall, type Retrieval, retrieval, retrievalOfScores } from "./retrieval.ts";
export { type Accuracy, accuracy, classEmbeddings, type ZeroShot, zeroShot } from "./zeroShot.ts";
