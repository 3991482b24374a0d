// The page of a case works without this; it copies the reference, and opens one step at a time.

const copy = document.querySelector("[data-copy]");
if (copy && navigator.clipboard) {
  copy.hidden = false;
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(copy.dataset.copy);
    copy.textContent = "Copied";
    setTimeout(() => { copy.textContent = "Copy"; }, 1500);
  });
}

for (const step of document.querySelectorAll(".steps details")) {
  step.addEventListener("toggle", () => {
    if (step.open) step.querySelector("input:not([type=hidden]), textarea")?.focus();
  });
}
