# Image for CPUs with the command `attentive`, which serves the page of a run.
#
#   docker build -t attentive-rnn .
#   docker run --rm -p 8000:8000 -v "$PWD/runs:/runs:ro" attentive-rnn serve /runs/RECIPE/TIME --host 0.0.0.0
#
# It prints the address with its token; any other command of `attentive` can stand in the place of serve.

FROM python:3.11-slim-bookworm AS build
RUN apt-get update && apt-get install --no-install-recommends -y g++ && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:3.11-slim-bookworm
COPY --from=build /source/constraints-cpu.txt /wheels/ /wheels/
RUN pip install --no-cache-dir --extra-index-url https://download.pytorch.org/whl/cpu -c /wheels/constraints-cpu.txt \
        "$(echo /wheels/*.whl)[data,hub,report,serve,video]" \
    && rm -r /wheels \
    && useradd --create-home user
USER user
WORKDIR /home/user
EXPOSE 8000
# Any answer is one of a server that is alive: without its token that is 401.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD ["python", "-c", \
    "import http.client as h; c = h.HTTPConnection('127.0.0.1', 8000, timeout=4); c.request('GET', '/'); raise SystemExit(c.getresponse().status >= 500)"]
ENTRYPOINT ["attentive"]
CMD ["--help"]
