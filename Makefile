# The two commands of the README are `make demo` and `make test`; CI calls the second unchanged.
PYTHON ?= python3
DEMO := .venv
TEST := .venv-test
# Test files side by side, in the order of their names: the long ones, notebooks and trainings, come last.
SIDE_BY_SIDE := -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

.PHONY: demo test check bundle demo-references clean

demo: $(DEMO)/ready  ## make a small feed, score it with the built-in bundle, say where the report is
	rm -rf runs/demo
	$(DEMO)/bin/parcelscope demo --out runs/demo
	@echo "(parcelscope is $(DEMO)/bin/parcelscope here)"

test: $(TEST)/ready check  ## everything: style, types, layers, tests
	$(TEST)/bin/python -m pytest $(SIDE_BY_SIDE)

check: $(TEST)/ready
	$(TEST)/bin/ruff check .
	$(TEST)/bin/ruff format --check .
	$(TEST)/bin/mypy
	PYTHONPATH=.typing $(TEST)/bin/lint-imports

bundle: $(TEST)/ready  ## the built-in bundle again, from generated data alone: about three hours on 2 cores
	$(TEST)/bin/parcelscope bundle build --out models/builtin --work runs/bundle-work

demo-references: $(TEST)/ready  ## the references of the demo again, whenever their format or the packaging changes
	$(TEST)/bin/python -m parcelscope.pipelines.demo_references models/demo_references

$(DEMO)/ready: pyproject.toml
	$(PYTHON) -m venv $(DEMO)
	$(DEMO)/bin/python -m pip install --quiet --editable '.[cpu,review]'
	touch $@

$(TEST)/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(TEST)
	$(TEST)/bin/python -m pip install --quiet --constraint constraints.txt --editable '.[cpu,train,eval,sign,ssdlite,yolo,tables,postgres,ray,ocr,serve,review,dev]'
	touch $@

clean:
	rm -rf $(DEMO) $(TEST) runs
