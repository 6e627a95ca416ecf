# docker build -t cutoff . && docker run -p 8501:8501 cutoff
FROM python:3.11-slim

# PyTorch's CPU wheels are a tenth of the size of the CUDA ones.
# For a GPU: docker build --build-arg PIP_EXTRA_INDEX_URL= -t cutoff .
ARG PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu

ENV PYTHONUNBUFFERED=1 \
    STREAMLIT_SERVER_ADDRESS=0.0.0.0 \
    STREAMLIT_SERVER_PORT=8501 \
    STREAMLIT_SERVER_HEADLESS=true \
    STREAMLIT_CLIENT_SHOW_ERROR_DETAILS=none

# Requirements first: a change of the code does not install them again.
WORKDIR /app
COPY requirements.txt ./
RUN pip install --no-cache-dir -r requirements.txt

COPY .streamlit .streamlit
COPY core core
COPY pages pages
COPY app.py ./

# The code stays root's; the user may write to its home alone.
RUN useradd --create-home --uid 1000 cutoff
USER cutoff

EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f'http://127.0.0.1:{os.environ[\"STREAMLIT_SERVER_PORT\"]}/_stcore/health', timeout=3)"]

CMD ["streamlit", "run", "app.py"]
