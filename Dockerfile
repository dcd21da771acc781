# Two stages: what installs packages does not run the marketplace.
FROM python:3.13-slim AS build
RUN python -m venv /opt/marketplace
ENV PATH=/opt/marketplace/bin:$PATH PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
# By themselves, so that a change of the source does not install them again.
COPY requirements/server.txt requirements/server.txt
RUN pip install --require-hashes --only-binary=:all: -r requirements/server.txt
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN pip install --no-build-isolation --no-deps --no-index .

FROM python:3.13-slim
RUN useradd --system --uid 10001 --no-create-home marketplace && install -d -o marketplace /data
COPY --from=build /opt/marketplace /opt/marketplace
ENV PATH=/opt/marketplace/bin:$PATH PYTHONUNBUFFERED=1 MARKETPLACE_DATA_DIRECTORY=/data
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
  CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/readyz', timeout=2)"]
ENTRYPOINT ["marketplace"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000"]
