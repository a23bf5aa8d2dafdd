/** The report of a run: data in, one HTML file or single SVG figures out. */
export {
  blindLoss,
  type Candidate,
  type EvaluationRow,
  type MetricRow,
  type Picture,
  type ReportData,
  ReportError,
  type ResultTable,
  type SheetQuery,
  type SimilaritySample,
} from "./data.ts";
export { figureFiles } from "./figures.ts";
export { renderReport } from "./page.ts";
