/** Public API of `report`: the report of a run as one HTML file, or its figures as SVG. */
export {
  type AccuracyTable,
  type Candidate,
  type EvaluationRow,
  type LanguageMean,
  type LanguageRow,
  type LanguageTable,
  type MetricRow,
  type Picture,
  type ReportData,
  ReportError,
  type SheetQuery,
} from "./data.ts";
export { figureFiles } from "./figures.ts";
export { renderReport } from "./page.ts";
export { type PhotoSheet, renderPhotoSheet, type SheetPhoto } from "./photoSheet.ts";
