/**
 * Isolates the page on hosts that do not send the headers for it: a service worker adds them (`public/isolate.js`), and one reload
 * lets it. Without isolation everything works as well, the training on one worker.
 */
const TRIED = "siglip-isolation-tried";

/** Registers the service worker and reloads once, unless the page is isolated, cannot be, or has tried already. */
export async function isolate(): Promise<void> {
  if (crossOriginIsolated || !isSecureContext || !("serviceWorker" in navigator)) return;
  try {
    if (sessionStorage.getItem(TRIED)) return;
    sessionStorage.setItem(TRIED, "yes"); // before the reload: a host where it does not help must not be reloaded for ever
    await navigator.serviceWorker.register("./isolate.js");
    await navigator.serviceWorker.ready;
    location.reload();
  } catch {
    // No storage or no service workers, as in some private windows: one worker is enough.
  }
}
