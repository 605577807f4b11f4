# The collector in a container, docs/docker.md. For linux/amd64, linux/arm64 and linux/arm/v7:
#   docker build -t hems-data-collector .

# On amd64 and arm64 everything comes as wheels. On armv7 msgspec and PyYAML are compiled here, which takes a few minutes
# and is what gcc is for; nothing else of the program has parts in C.
FROM python:3.13-slim-bookworm AS build
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends gcc libc6-dev \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY requirements/run.txt requirements/dev.txt requirements/
RUN python -m venv /opt/hems-data-collector \
 && /opt/hems-data-collector/bin/pip install --no-cache-dir -r requirements/run.txt
COPY pyproject.toml README.md LICENSE ./
COPY src src
# For Pub/Sub: --build-arg EXTRAS=gcloud (not on armv7, where grpcio takes hours to compile).
ARG EXTRAS=""
RUN /opt/hems-data-collector/bin/pip install --no-cache-dir --no-build-isolation -c requirements/dev.txt ".${EXTRAS:+[${EXTRAS}]}"

FROM python:3.13-slim-bookworm
# A number of its own, so that files of the host can be given to it; dialout is the group of serial devices on Debian.
RUN groupadd --gid 10001 hems \
 && useradd --uid 10001 --gid 10001 --groups dialout --no-create-home --home-dir /var/lib/hems-data-collector \
        --shell /usr/sbin/nologin hems \
 && install -d -m 0700 -o hems -g hems /var/lib/hems-data-collector
COPY --from=build /opt/hems-data-collector /opt/hems-data-collector
ENV PATH=/opt/hems-data-collector/bin:$PATH \
    STATE_DIRECTORY=/var/lib/hems-data-collector \
    PYTHONDONTWRITEBYTECODE=1
USER 10001
WORKDIR /var/lib/hems-data-collector
VOLUME /var/lib/hems-data-collector
# Whether the collector runs and answers, as the watchdog of systemd asks; a meter out of reach is no fault of it.
HEALTHCHECK --interval=1m --timeout=15s --start-period=1m CMD ["hems-data-collector", "status", "--running"]
ENTRYPOINT ["hems-data-collector"]
CMD ["run"]
