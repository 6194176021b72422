"""Notes that readers give about files with more than one picture."""

from common.sentences import sentence

FIRST_FRAME = sentence("The file is animated; I used its first frame.")
FIRST_FRAME_OF_VIDEO = sentence("The file is a video; I used its first frame.")
FIRST_PAGE = sentence("The file has several pages; I used the first one.")
MAIN_PICTURE = sentence("The file contains several pictures; I used its main one.")
