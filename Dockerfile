# Atelier's bot and engine in one image; `compose.yaml` says which of them a container runs.
FROM python:3.12-slim

ENV PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=1 \
    ATELIER_DATA_DIR=/data

WORKDIR /app
COPY requirements.lock ./
RUN pip install --disable-pip-version-check -r requirements.lock
COPY common ./common
COPY jobs ./jobs
COPY engine ./engine
COPY bot ./bot

RUN useradd --create-home atelier && mkdir /data && chown atelier /data
USER atelier
VOLUME /data
CMD ["python", "-m", "bot"]
