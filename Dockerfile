# The images of docker-compose.yml. All of them are Debian with its own packages, and the relay's binary.
#   BASE  Debian 12, from the registry or made by debootstrap (see deploy/compose/test)
#   GO    an image with Go 1.26, that compiles the relay
ARG BASE=debian:bookworm-slim
ARG GO=golang:1.26-bookworm

FROM ${BASE} AS database
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends mariadb-server mariadb-client \
 && rm -rf /var/lib/apt/lists/* /var/lib/mysql && mkdir /data && chown mysql: /data
COPY internal/demo/schema.sql /usr/share/octant/schema.sql
COPY deploy/compose/database /usr/local/bin/database
VOLUME /data
EXPOSE 3306
CMD ["/usr/local/bin/database"]

FROM ${BASE} AS prometheus
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends prometheus \
 && rm -rf /var/lib/apt/lists/*
COPY deploy/compose/prometheus.yml deploy/prometheus/octant.rules.yml /etc/prometheus/
USER prometheus
EXPOSE 9090
CMD ["/usr/bin/prometheus", "--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/var/lib/prometheus/metrics2", "--storage.tsdb.retention.time=1d"]

FROM ${GO} AS build
WORKDIR /src
COPY go.mod go.sum ./
COPY internal/regex/go.mod internal/regex/
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -o /octant ./cmd/octant

FROM ${BASE} AS relay
RUN useradd --system --create-home --home-dir /var/lib/octant --shell /usr/sbin/nologin octant
COPY --from=build /octant /usr/bin/octant
COPY deploy/compose/relay deploy/compose/ready /usr/local/bin/
USER octant
WORKDIR /var/lib/octant
VOLUME /var/lib/octant
EXPOSE 4001 9101
ENTRYPOINT ["/usr/bin/octant"]
CMD ["run", "--config", "/etc/octant/octant.toml"]
