/** The answers of a search as an HTML page that holds the pictures. */
import { thumbnail } from "../data/index.ts";
import { renderPhotoSheet, type SheetPhoto } from "../report/index.ts";

/** A sheet of found pictures as HTML; `query` in words, `photos` the number in the index. */
export async function photoSheet(
  query: string,
  photos: number,
  results: readonly Omit<SheetPhoto, "thumbnail">[],
): Promise<string> {
  const shown: SheetPhoto[] = [];
  for (const result of results) {
    const picture = await thumbnail(result.file);
    shown.push({ ...result, ...(picture === undefined ? {} : { thumbnail: picture }) });
  }
  return renderPhotoSheet({ query, photos, results: shown });
}
