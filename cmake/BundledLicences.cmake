# A wheel that holds libjpeg-turbo itself (linked from a static library) must carry its licence texts.
if(JPEG_LIBRARIES MATCHES "\\.a$" AND SKBUILD_METADATA_DIR)
  get_filename_component(jpeg_prefix ${JPEG_INCLUDE_DIR} DIRECTORY)
  install(FILES ${jpeg_prefix}/share/doc/libjpeg-turbo/LICENSE.md ${jpeg_prefix}/share/doc/libjpeg-turbo/README.ijg
          DESTINATION ${SKBUILD_METADATA_DIR}/licenses/libjpeg-turbo)
endif()
