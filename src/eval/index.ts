/** Door of `eval`: embeddings in, numbers out. */
export { type Embeddings, type Neighbour, nearest } from "./embeddings.ts";
export { EvaluationError } from "./evaluationError.ts";
export { chance, type Recall, type Retrieval, retrieval } from "./retrieval.ts";
