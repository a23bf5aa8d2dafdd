/** What Vite makes of files that are not TypeScript. */
declare module "*.css";
declare module "*.html?raw" {
  const text: string;
  export default text;
}
declare module "*.webp" {
  const url: string;
  export default url;
}
/** Workers have it; the library of types for pages does not. */
declare class FileReaderSync {
  readAsArrayBuffer(blob: Blob): ArrayBuffer;
}
