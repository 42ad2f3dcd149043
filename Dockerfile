# Two stages: wheels are built in the first, and the second has neither compiler nor pip's cache.
FROM python:3.13-slim-bookworm AS build
WORKDIR /src
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
COPY requirements/serve.txt requirements/build.txt requirements/
RUN pip install --require-hashes -r requirements/build.txt \
    && python -m venv /opt/reverb-py \
    && /opt/reverb-py/bin/pip install --require-hashes -r requirements/serve.txt
COPY pyproject.toml README.md LICENSE ./
COPY reverb_py reverb_py
RUN pip wheel --no-deps --no-build-isolation -w /wheels . \
    && /opt/reverb-py/bin/pip install --no-deps /wheels/*.whl

FROM python:3.13-slim-bookworm
COPY --from=build /opt/reverb-py /opt/reverb-py
ENV PATH=/opt/reverb-py/bin:$PATH PYTHONUNBUFFERED=1
RUN useradd --system --uid 10001 --home-dir /srv --create-home reverb
USER 10001
WORKDIR /srv
EXPOSE 8080
# The server reads PORT and REVERB_SERVER_PORT by itself; so does its health check.
HEALTHCHECK --interval=10s --timeout=4s --start-period=5s --retries=3 CMD ["reverb-py", "healthcheck"]
CMD ["reverb-py", "serve"]
