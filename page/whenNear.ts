/** Calls `begin` once, when an element comes near the window: what it needs need not load with the page. */
export function whenNear(element: Element, begin: () => void): void {
  const observer = new IntersectionObserver(
    (entries) => {
      if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
      observer.disconnect();
      begin();
    },
    { rootMargin: "600px" },
  );
  observer.observe(element);
}
