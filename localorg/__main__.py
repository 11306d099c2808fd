"""`python -m isthmus.localorg serve`: the same as `isthmus org serve`."""

from isthmus.localorg.cli import org

if __name__ == "__main__":
    org(prog_name="python -m isthmus.localorg")
