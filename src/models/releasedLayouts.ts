/** The layouts of other libraries. Needs nothing of Node, so that a page reads them too. */
import { bigVision } from "./bigVision.ts";
import { huggingFace } from "./huggingFace.ts";
import type { Layout } from "./layout.ts";
import { openClip } from "./openClip.ts";

/** open_clip before Hugging Face, since its folders may have a config.json too. */
export const RELEASED: readonly Layout[] = [openClip, huggingFace, bigVision];
