// Keeps the page fresh: fetches it again and puts the parts marked data-live in the place of the old ones, unless somebody is using them.
// Without this script the page renews itself as a whole (see templates/frame.html).
"use strict";
(() => {
  const every = 3000;
  const stale = document.getElementById("stale");
  let last = new Date();

  // inUse: do not pull away what has the focus, holds a selection, or was unfolded.
  const inUse = (part) => {
    if (part.contains(document.activeElement) || part.querySelector("details[open]")) return true;
    const selection = document.getSelection();
    return !selection.isCollapsed && part.contains(selection.anchorNode);
  };

  const replace = (fresh) => {
    for (const part of document.querySelectorAll("[data-live]")) {
      const next = fresh.getElementById(part.id);
      if (next && !inUse(part) && next.outerHTML !== part.outerHTML) part.replaceWith(next);
    }
  };

  const renew = async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch(location.href, { credentials: "same-origin", cache: "no-store" });
      if (answer.redirected && new URL(answer.url).pathname === "/login") return location.reload();
      if (!answer.ok) throw new Error(answer.status);
      replace(new DOMParser().parseFromString(await answer.text(), "text/html"));
      last = new Date();
      stale.hidden = true;
    } catch {
      stale.querySelector("time").textContent = last.toLocaleTimeString();
      stale.hidden = false;
    }
  };

  const loop = async () => {
    await renew();
    setTimeout(loop, every);
  };
  setTimeout(loop, every);
  document.addEventListener("visibilitychange", renew);
})();
