/** Public API of `report`: the report of a run, or of several beside each other, as one HTML file; or its figures as SVG. */
export { renderComparison } from "./comparison.ts";
export {
  type AccuracyTable,
  type BatchRow,
  type Candidate,
  type ComparedRun,
  type ComparisonData,
  type EvaluationRow,
  type LanguageMean,
  type LanguageRow,
  type LanguageTable,
  type MetricRow,
  type ModelSnapshot,
  type Picture,
  type ReportData,
  ReportError,
  type RunCurves,
  type RunStatus,
  type SheetQuery,
  type TimeRow,
} from "./data.ts";
export { figureFiles } from "./figures.ts";
export { type PageScript, renderFirstBatch, renderReport } from "./page.ts";
export { type PhotoSheet, renderPhotoSheet, type SheetPhoto } from "./photoSheet.ts";
