# One image for bot and engine; the compose files say which of the two a container runs.
#   docker build .                               for processors
#   docker build --build-arg ACCELERATOR=cuda .  for NVIDIA cards
# `tools/prove_image.sh` runs these same steps in a clean root of Debian's packages, without Docker.
ARG PYTHON=python:3.12-slim-trixie

FROM ${PYTHON} AS packages
ARG ACCELERATOR=cpu
WORKDIR /build
COPY requirements.lock requirements-cpu.lock ./
RUN python -m venv /opt/venv
RUN case "$ACCELERATOR" in \
        cpu) wanted=requirements-cpu.lock ;; \
        cuda) wanted=requirements.lock ;; \
        *) echo "ACCELERATOR is cpu or cuda, not $ACCELERATOR." >&2; exit 2 ;; \
    esac; \
    /opt/venv/bin/python -m pip install --no-cache-dir --disable-pip-version-check -r "$wanted"

FROM ${PYTHON}
LABEL org.opencontainers.image.title="Atelier" \
      org.opencontainers.image.description="A Discord bot that paints photographs in the style of paintings" \
      org.opencontainers.image.licenses="MIT"
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    ATELIER_DATA_DIR=/data
# Backups and the copy before a migration: this release's pg_dump is 17, for servers up to that version.
RUN apt-get update \
    && apt-get install -y --no-install-recommends postgresql-client \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --create-home --uid 1000 atelier && mkdir /data && chown atelier:atelier /data && chmod 700 /data
COPY --from=packages /opt/venv /opt/venv
WORKDIR /app
COPY LICENSE NOTICES.md pyproject.toml ./
COPY common ./common
COPY jobs ./jobs
COPY engine ./engine
COPY bot ./bot
RUN python -m compileall -q common jobs engine bot
USER atelier
VOLUME /data
# Ends with an error when nobody takes jobs, Discord is silent or the store refuses.
HEALTHCHECK --interval=60s --timeout=20s --start-period=120s CMD ["python", "-m", "jobs", "status", "--quiet"]
CMD ["python", "-m", "bot"]
