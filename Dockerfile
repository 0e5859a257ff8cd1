# An image with dualsync alone: built as Debian packages in the first stage, installed from them in the second.
#
# Build    docker build -t dualsync .
# Run      docker run --name dualsync --restart unless-stopped --env-file .env -v dualsync:/var/lib/dualsync dualsync
# Ask      docker exec dualsync dualsync status
FROM debian:bookworm-slim AS build
SHELL ["/bin/bash", "-o", "pipefail", "-c"]

# What a build needs is in tools/packages.txt and nowhere else; those packages are not pinned: Debian 12 keeps their
# versions and brings repairs only.
COPY tools/packages.txt /tmp/packages.txt
# hadolint ignore=DL3008
RUN apt-get update \
    && sed -n 's/^build //p' /tmp/packages.txt | xargs apt-get install -y --no-install-recommends \
    && rm -rf /var/lib/apt/lists/*

COPY . /src
WORKDIR /src
RUN cmake --preset release -DDUALSYNC_BUILD_TESTS=OFF -DDUALSYNC_BUILD_BENCH=OFF \
    && cmake --build --preset release \
    && cpack --config build/release/CPackConfig.cmake -G DEB -B /packages

FROM debian:bookworm-slim

# The user by a number, so that Kubernetes can tell that it is not root; the package takes the one that is there.
COPY --from=build /packages/dualsync_*.deb /tmp/
# hadolint ignore=DL3008
RUN groupadd --system --gid 8787 dualsync \
    && useradd --system --uid 8787 --gid dualsync --home-dir /var/lib/dualsync --shell /usr/sbin/nologin dualsync \
    && apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates /tmp/dualsync_*.deb \
    && rm -rf /var/lib/apt/lists/* /tmp/dualsync_*.deb \
    && install -d -o dualsync -g dualsync -m 0700 /var/lib/dualsync

# The queue lies where the package has it. The API is asked from inside the container; to have it
# outside, set SYNC_HTTP_LISTEN=0.0.0.0:8787 and publish the port.
USER 8787:8787
WORKDIR /etc/dualsync
ENV SYNC_DATA_DIR=/var/lib/dualsync
VOLUME /var/lib/dualsync
STOPSIGNAL SIGTERM
# Fails when the verdict is unhealthy or the daemon does not answer.
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s CMD ["dualsync", "status"]
ENTRYPOINT ["dualsync"]
CMD ["run"]
