/** Seeded bugs in the search among codes: results that are right nearly always. */
import type { Bug } from "./bug.ts";

const inBound = (find: string, replace: string): Bug["places"] => [[{ file: "tensor/codedRows.ts", find, replace }]];

export const searchBugs: readonly Bug[] = [
  {
    name: "rowsAreTheirCodes",
    what: "The bound of a score leaves out what the codes of a row lose.",
    places: inBound("products[i] + this.#errors[i] * codedLength + added", "products[i] + added"),
    tests: ["test/tensor/codedRows.test.ts"],
  },
  {
    name: "queryIsItsCodes",
    what: "The bound of a score leaves out what the integers of the query lose.",
    places: inBound("inCentre + this.#longest * error + ", "inCentre + "),
    tests: ["test/tensor/codedRows.test.ts"],
  },
  {
    name: "sumOverflows",
    what: "The integers of a query are as large as 16 bits allow, whatever number of products is added to 32 bits.",
    places: inBound("Math.min(MOST_QUERY, Math.floor(MOST_SUM / (MOST_CODE * query.length)))", "MOST_QUERY"),
    tests: ["test/tensor/codedRows.test.ts"],
  },
];
