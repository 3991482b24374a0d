# The scoring service. No torch: what scores needs none.
#   docker build -t parcelscope .
FROM python:3.12-slim AS build
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE NOTICE ./
COPY configs configs
COPY datasets datasets
COPY inference inference
COPY models models
COPY pipelines pipelines
COPY review review
COPY screening screening
COPY training training
RUN python -m venv /opt/parcelscope \
 && /opt/parcelscope/bin/pip install --no-cache-dir --constraint constraints.txt '.[cpu,serve,review,postgres]'

FROM python:3.12-slim
RUN useradd --uid 10001 --create-home --home-dir /var/lib/parcelscope parcelscope
COPY --from=build /opt/parcelscope /opt/parcelscope
ENV PATH=/opt/parcelscope/bin:$PATH PYTHONUNBUFFERED=1
USER parcelscope
WORKDIR /var/lib/parcelscope
VOLUME /var/lib/parcelscope
EXPOSE 8750
# SIGTERM lets a run hand back its shard; `grace_s` of the settings is shorter than this.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --start-period=60s --timeout=3s CMD \
  python -c "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8750/healthz', timeout=2)"
ENTRYPOINT ["parcelscope"]
CMD ["serve", "--home", "/var/lib/parcelscope/service", "--host", "0.0.0.0", "--root", "/feeds", "--log-json"]
